"""Read a Dockerfile as text, without a container engine."""


def read_dockerfile(text):
    """Return the instructions of a Dockerfile, a list of pairs (NAME, rest), in order.

    Comments are left out, and lines that end with a backslash go on in the next one.
    """
    lines = [line.strip() for line in text.splitlines()]
    joined = "\n".join(line for line in lines if line and not line.startswith("#"))
    instructions = []
    for line in joined.replace("\\\n", " ").splitlines():
        name, _, rest = line.partition(" ")
        instructions.append((name.upper(), rest.strip()))
    return instructions
