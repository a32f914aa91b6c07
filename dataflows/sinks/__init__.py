"""Where results go: stores and buses behind two interfaces."""
