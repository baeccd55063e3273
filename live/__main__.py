"""``python -m live``. Child processes import this module anew: it has to stay light."""

if __name__ == "__main__":
    from live.cli import main

    main()
