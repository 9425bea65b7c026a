"""A small shop on asyncio: `python -m shop` from the folder above answers orders on port 8700.

Three calls in it stop the event loop, and `raddle check examples/shop` names them:

1. `service.checkout` prints a receipt, which reads a template two helpers further, in `templates.py`;
2. `service.deliver` waits between attempts with the wrong `sleep`;
3. `service.checkout` charges through the `Gateway` interface, behind which `BankGateway` sends a request.

The lines beside them look alike and are correct.
"""
