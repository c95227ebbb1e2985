"""What the user service does: accounts, codes, credentials, the staff's say."""
