"""How long the page takes: scripts that a browser runs before the page's own."""

APPLY = """
window.__took = [];
const LONG = 250000;
const TURNS = 20; // a render may set off another
let first = true;
let handed = 0;
function timed(kind, meant) {
  const whole = Object.getOwnPropertyDescriptor(kind.prototype, "onmessage");
  Object.defineProperty(kind.prototype, "onmessage", {
    ...whole,
    set(handler) {
      whole.set.call(this, (message) => {
        const began = performance.now();
        handler.call(this, message);
        const took = performance.now() - began;
        const is = meant(message);
        if (is === "handed") handed = took;
        if (is !== "board") return;
        // The page renders in microtasks: what stands behind them in that queue comes after. Another task would
        // wait for whatever else is due, such as the painting of this frame.
        const before = kind === Worker ? handed : 0;
        const behind = (turns) => (turns ? Promise.resolve().then(() => behind(turns - 1)) : null);
        behind(TURNS).then(() => window.__took.push(before + performance.now() - began));
      });
    },
  });
}
timed(WebSocket, ({ data }) => {
  if (!data.startsWith('{"kind":"board"')) return "other";
  const is = data.length < LONG || first ? "board" : "handed";
  first = false;
  return is;
});
timed(Worker, () => "board");
"""
"""Milliseconds of the page's own thread from the message of a board to the document that says it, before its layout and
painting; in `__took`. A long board is read by a worker, and counts from its two messages on this thread."""

FIRST_PAINT = """
window.__painted = new Promise((done) => {
  const seen = () => document.querySelector("[data-queue]") && document.querySelector("[data-agent]");
  const look = new MutationObserver(() => {
    if (!seen()) return;
    look.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now())));
  });
  look.observe(document, { childList: true, subtree: true });
});
"""
"""Milliseconds from the start of the navigation to the first frame with queues and agents, painted; in `__painted`."""
