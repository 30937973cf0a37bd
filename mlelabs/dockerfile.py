"""Read a Dockerfile as text, without a container engine."""

import json
import re
import shlex


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


def final_stage(instructions):
    """Return (image, instructions) of the image that a Dockerfile makes: its last stage.

    A stage that begins with the name of an earlier one (FROM x AS base, FROM base) goes on from
    there: its image is that of the earlier one, and its instructions come behind the earlier ones.
    """
    values, stages = {}, {}
    image, found = "", []
    for name, rest in instructions:
        if name == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            base = words[0] if words else ""
            for key, value in values.items():
                base = base.replace("${" + key + "}", value)
                base = re.sub(rf"\${key}\b", lambda _, value=value: value, base)
            image, earlier = stages.get(base.lower(), (base, []))
            found = list(earlier)
            if len(words) == 3 and words[1].lower() == "as":
                stages[words[2].lower()] = (image, found)
        elif not image and name == "ARG":
            key, _, value = rest.partition("=")
            values[key.strip()] = value.strip().strip("\"'")
        found.append((name, rest))
    return image, found


def copied(rest):
    """The files and folders that a COPY or ADD takes from the folder of the code, as a list."""
    words = _words(rest)
    if any(word.startswith("--from") for word in words):
        return []  # from another stage or image
    return [word for word in words if not word.startswith("--")][:-1]


def is_code(source):
    """True if a COPY of this source may bring code: everything, a folder, or a Python file."""
    last = source.rstrip("/").rpartition("/")[2]
    if "requirements" in last:
        return False
    everything = last in ("", ".", "..") or last[0] == "*"
    return everything or source.endswith(("/", ".py")) or "." not in last


def variables(rest):
    """The names that an ENV or ARG sets, as a list."""
    words = _words(rest)
    if words and "=" not in words[0]:
        words = words[:1]  # ENV NAME value
    return [word.partition("=")[0] for word in words]


def _words(rest):
    """The words of an instruction, which may be a JSON list."""
    flags = re.match(r"(--\S+\s+)*", rest)[0]
    try:
        return flags.split() + [str(word) for word in json.loads(rest[len(flags) :])]
    except (TypeError, ValueError):
        pass
    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()
