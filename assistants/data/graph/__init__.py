"""What documents name and how it hangs together: found at ingestion, followed by links."""
