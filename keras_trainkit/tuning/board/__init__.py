"""The command center: runs found in folders, and the page that shows them."""
