"""All that crosses a process: events, actions, the columnar block, log entries, signals, alerts, feed frames, keys.

Everything else in the project may change without a client noticing; what stands here may not. JSON Schema,
AsyncAPI and the page's TypeScript types are generated from these types (`make contract`).
"""

CONTRACT_VERSION = "1"
"""The version in `hello`, in the schema's `$id` and in the subprotocol `strainwatch.v1`."""
