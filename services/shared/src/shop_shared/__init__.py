"""What the shop's services share: functions and types, no framework."""
