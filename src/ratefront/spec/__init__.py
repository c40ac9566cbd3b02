"""The sweep file: read, checked against the catalogue, resolved, explained. Nothing is started."""
