"""Real servers on free loopback ports, one product a file, all of one shape (``Server``).

A test takes the fixture of its name (``redis_server``, ``mariadb_server``, …) and puts a
proxy before it, or starts one of its own with other options::

    with MariaDB("--max-connections=10") as server:
        ...
        server.kill()
        server.start()
"""
