"""From the nouns to the views that the API publishes; pure."""
