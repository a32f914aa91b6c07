"""QuestDB as a store: rows go through a spool on the disk to a helper process that writes them over ILP."""
