"""A page to draw a digit on, served to this machine alone: `python -m models serve RUN`.

digit.py a drawing as an image of MNIST's kind; answer.py what a network says of it, and why; server.py the server;
page.html the page, one file that asks for nothing else.
"""
