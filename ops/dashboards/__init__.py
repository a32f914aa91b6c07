"""What operators watch: the panels of the Grafana dashboard (`undertone.json`, made from them) and alert rules."""
