"""The desk: what officials see, on Streamlit; workers compute, pages only show."""
