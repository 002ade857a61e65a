"""Providers of carbon intensity: one small file each, on one shared transport. The only room that knows httpx."""
