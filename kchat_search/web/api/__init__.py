"""The HTTP API.

routes.py           the routes: from parameters to JSON
export_response.py  how an export is sent, and how a client sees a broken one
export_places.py    who may export now: so many at once, and so many of them for one client
metrics.py          the metrics for Prometheus
openapi.py          the description of the API
"""
