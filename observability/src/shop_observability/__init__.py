"""The dashboards of the shop and the checks of what they ask."""
