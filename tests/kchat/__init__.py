"""The Kchat API: parsing by tables and properties, the client over loopback."""
