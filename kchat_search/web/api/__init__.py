"""The HTTP API.

routes.py           the routes: parameters in, service, JSON out
export_response.py  an export on its way: how many at once, and that none is cut unseen
metrics.py          what Prometheus is told
openapi.py          the description of the API
"""
