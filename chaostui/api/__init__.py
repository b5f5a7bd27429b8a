"""The control API: HTTP in, supervisor calls out.

* ``server``      listeners (TCP, Unix socket) and their life
* ``connection``  one HTTP connection and what it may ask of us: sizes, time, number
* ``guard``       who may ask: Host, Origin, browsers, tokens
* ``routes``      a route, a call, and how a call becomes an answer
* ``body``        bytes to values, strictly
* ``failures``    errors to statuses
* ``policy``      addresses that are refused over HTTP
* ``native``      the table of ``/api/v1``; its endpoints stand in ``native_*``
* ``vaurien``     Vaurien's routes, both generations
* ``metrics``     Prometheus
* ``openapi``     the route table as an OpenAPI document
"""
