"""The page: writing, reading and one's own hand in a browser, with no server behind it.

``page/`` has its files, which work from any static host once weights lie beside them (``site``);
``kernel/`` the source of its WebAssembly; ``server`` serves it on this machine.
"""
