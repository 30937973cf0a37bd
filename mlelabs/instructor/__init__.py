"""The instructor's side: building, testing and publishing the labs. Students do not get it."""
