"""Real servers and their real clients, with chaos between them.

``clients`` has one small application for each client, ``test_faults`` what all of them see,
``test_questions`` the questions that such tests answer.
"""
