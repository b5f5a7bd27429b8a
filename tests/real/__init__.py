"""Real servers and their real clients, with chaos between them.

``clients`` has one small application for each client, ``test_faults`` what all of them see,
``test_questions`` the questions that such tests answer.

``kinds`` is the table of errors that the README shows, ``test_errors_*`` hold each client to it
by ``telling``; in ``test_untouched`` the servers' own load programs run through.
"""
