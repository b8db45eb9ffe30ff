"""What is here is run by hand, with atheris, which the project does not depend on."""

collect_ignore_glob = ["fuzz_*.py"]
