"""Notify: tell the crew, also when the line is bad."""


def dispatch(order, send, sleep, alert):
    """Send an order to the crew; return True once it has been sent.

    send(order) raises ConnectionError if the line is down: then wait with sleep(seconds), 1, 2 and
    4 seconds, and try again. After the fourth failure call alert(text) once and return False; the
    text names the order. Any other error of send is not for us: it is passed on at once.
    """
    for wait in (1, 2, 4, None):
        try:
            send(order)
            return True
        except ConnectionError:
            if wait is not None:
                sleep(wait)
    alert(f"not sent after 4 attempts: {order}")
    return False
