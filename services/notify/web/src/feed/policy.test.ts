import { describe, expect, test } from "vitest";
import type { Alert, AlertFrame, BoardFrame, Goodbye, Hello } from "../contract";
import { begin, delayMs, finalReason, NOWHERE, step, UNHEARD_MAX, type Input, type Session } from "./policy";

const hello = (more: Partial<Hello> = {}): Hello => ({
  kind: "hello", version: "1", epoch: "e", cursor: "c-9", teams: ["*"], ...more,
});
const change = (cursor: string): AlertFrame => ({ kind: "alert", cursor, alert: { id: "a" } as Alert });
const goodbye = (code: number, reconnect: boolean): Goodbye => ({ kind: "goodbye", code, reason: "because", reconnect });

function after(session: Session, ...inputs: Input[]): Session {
  return inputs.reduce((now, input) => step(now, input, 0.5).session, session);
}

const joined = () =>
  after(begin("token").session, { on: "opened" }, { on: "frame", frame: hello() }, { on: "frame", frame: hello({ recovered: false, alerts: [] }) });

describe("coming onto the feed", () => {
  test("the token is the first frame", () => {
    const { effects } = step(begin("token").session, { on: "opened" }, 0);
    expect(effects).toEqual([{ do: "send", frame: { kind: "authenticate", token: "token" } }]);
  });

  test("a fresh start resumes from nowhere, to be given all live alerts", () => {
    const { session, effects } = step(begin("t").session, { on: "frame", frame: hello() }, 0);
    expect(effects).toEqual([{ do: "send", frame: { kind: "resume", ...NOWHERE } }]);
    expect(session.link.state).toBe("joining");
  });

  test("changes before the second hello are left: they will come again, in order", () => {
    const joining = step(begin("t").session, { on: "frame", frame: hello() }, 0).session;
    const { session, effects } = step(joining, { on: "frame", frame: change("c-10") }, 0);
    expect(effects).toEqual([]);
    expect(session.position).toEqual(NOWHERE);
  });

  test("no board is shown before the alerts are known", () => {
    const board = { kind: "board" } as BoardFrame;
    const joining = step(begin("t").session, { on: "frame", frame: hello() }, 0).session;
    expect(step(joining, { on: "frame", frame: board }, 0).effects).toEqual([]);
    expect(step(joined(), { on: "frame", frame: board }, 0).effects).toEqual([{ do: "deliver", frame: board }]);
  });

  test("the newest board that came too early is shown with the alerts, once", () => {
    const early = (at: string) => ({ kind: "board", at }) as BoardFrame;
    const joining = after(begin("t").session, { on: "frame", frame: hello() }, { on: "frame", frame: early("1") }, { on: "frame", frame: early("2") });
    const second = hello({ recovered: false, alerts: [] });
    const { session, effects } = step(joining, { on: "frame", frame: second }, 0);
    expect(effects).toEqual([{ do: "deliver", frame: second }, { do: "deliver", frame: early("2") }]);
    expect(step(session, { on: "frame", frame: second }, 0).effects).toEqual([{ do: "deliver", frame: second }]);
    expect(step(joining, { on: "closed", code: 1006 }, 0).session.early).toBeNull();
  });

  test("the second hello makes it live", () => {
    expect(joined().link).toEqual({ state: "live" });
    expect(joined().position).toEqual({ epoch: "e", cursor: "c-9" });
  });

  test("a frame of a kind not known yet is passed over", () => {
    const unknown = { kind: "later" } as unknown as Hello;
    expect(step(joined(), { on: "frame", frame: unknown }, 0).effects).toEqual([]);
  });
});

describe("coming back", () => {
  test("it resumes from the last change seen, whatever the first hello says", () => {
    const lost = after(joined(), { on: "frame", frame: change("c-10") }, { on: "closed", code: 1006 }, { on: "waited" });
    const { effects } = step(lost, { on: "frame", frame: hello({ cursor: "c-20" }) }, 0);
    expect(effects).toEqual([{ do: "send", frame: { kind: "resume", epoch: "e", cursor: "c-10" } }]);
  });

  test("attempts count up until it is live again", () => {
    const once = after(joined(), { on: "closed", code: 1006 });
    const twice = after(once, { on: "waited" }, { on: "closed", code: 1006 });
    expect([once.link, twice.link]).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  });

  test("a connection that opens and fails to join does not start the count again", () => {
    const failed = after(joined(), { on: "closed", code: 1006 }, { on: "waited" }, { on: "opened" },
      { on: "frame", frame: hello() }, { on: "closed", code: 1006 });
    expect(failed.link).toMatchObject({ state: "waiting", attempt: 2 });
  });

  test("the delay has full jitter between 0.5 s and a bound that doubles to 30 s", () => {
    expect([1, 2, 3, 9, 500].map((attempt) => delayMs(attempt, 0))).toEqual([500, 500, 500, 500, 500]);
    expect([1, 2, 3, 9, 500].map((attempt) => delayMs(attempt, 1))).toEqual([2000, 4000, 8000, 30_000, 30_000]);
    expect(delayMs(1, 0.5)).toBe(1250);
  });

  test("a late timer does nothing to a live link", () => {
    expect(step(joined(), { on: "waited" }, 0).effects).toEqual([]);
  });
});

describe("staying away", () => {
  test.each([4500, 4501, 4507, 4999, 4005])("code %i is final", (code) => {
    expect(after(joined(), { on: "closed", code }).link).toMatchObject({ state: "stopped", code });
  });

  test.each([1000, 1001, 1006, 1011, 1012, 4008, 4013, 5000])("code %i is not", (code) => {
    expect(after(joined(), { on: "closed", code }).link.state).toBe("waiting");
  });

  test("a goodbye names the code even when the close did not arrive whole", () => {
    const told = after(joined(), { on: "frame", frame: goodbye(4500, false) }, { on: "closed", code: 1006 });
    expect(told.link).toEqual({ state: "stopped", code: 4500, reason: "because" });
  });

  test("a goodbye that says come back is forgotten once it is obeyed", () => {
    const told = after(joined(), { on: "frame", frame: goodbye(1012, true) }, { on: "closed", code: 1012 });
    expect(told.link.state).toBe("waiting");
    expect(told.goodbye).toBeNull();
  });

  test("a goodbye without return is obeyed whatever its code", () => {
    expect(finalReason(1012, goodbye(1012, false))).toEqual({ code: 1012, reason: "because" });
  });
});

describe("where no websocket comes through", () => {
  const unheard: Input[] = [{ on: "closed", code: 1006 }, { on: "waited" }];
  const barred = () => after(begin("t").session, ...unheard, ...unheard, { on: "closed", code: 1006 });
  const streaming = () => after(barred(), { on: "waited" }, { on: "probed", answers: true });

  test("after three that nobody answered, the server is asked over HTTP before the next try", () => {
    expect(barred().unheard).toBe(UNHEARD_MAX);
    expect(step(barred(), { on: "waited" }, 0).effects).toEqual([{ do: "probe" }]);
  });

  test("one that was heard starts the count again", () => {
    const once = after(begin("t").session, ...unheard, ...unheard, { on: "opened" }, { on: "frame", frame: hello() },
      { on: "closed", code: 1006 });
    expect(once.unheard).toBe(0);
    expect(step(once, { on: "waited" }, 0).effects).toEqual([{ do: "connect" }]);
  });

  test("a server that answers is read by a stream, one that does not is gone for everybody", () => {
    const asked = step(barred(), { on: "waited" }, 0).session;
    expect(step(asked, { on: "probed", answers: true }, 0)).toMatchObject({ session: { way: "stream" }, effects: [{ do: "connect" }] });
    expect(step(asked, { on: "probed", answers: false }, 0)).toMatchObject({ session: { way: "socket" }, effects: [{ do: "connect" }] });
  });

  test("a stream is sent nothing, and is live with the hello that says from where", () => {
    const opened = step(streaming(), { on: "opened" }, 0);
    expect(opened.effects).toEqual([]);
    const first = step(opened.session, { on: "frame", frame: hello() }, 0);
    expect(first.effects).toEqual([]);
    const joinedNow = step(first.session, { on: "frame", frame: hello({ recovered: false, alerts: [] }) }, 0).session;
    expect(joinedNow.link.state).toBe("live");
    expect(after(joinedNow, { on: "closed", code: 1006 })).toMatchObject({ way: "stream", link: { attempt: 1 } });
  });

  test("streams that do not come to life either give way to sockets again", () => {
    const failed = after(streaming(), ...unheard, ...unheard, ...unheard);
    expect(failed).toMatchObject({ way: "socket", unheard: 0 });
  });

  test("an answer that comes too late changes nothing", () => {
    expect(step(joined(), { on: "probed", answers: true }, 0)).toEqual({ session: joined(), effects: [] });
  });
});

describe("a fresh token", () => {
  test("is told to a living socket at once", () => {
    const { session, effects } = step(joined(), { on: "renewed", token: "fresh" }, 0);
    expect(effects).toEqual([{ do: "send", frame: { kind: "authenticate", token: "fresh" } }]);
    expect(session.link.state).toBe("live");
  });

  test("that is confirmed changes neither list nor place but for what the server says", () => {
    const told = step(step(joined(), { on: "renewed", token: "f" }, 0).session, { on: "frame", frame: hello({ recovered: true, cursor: "c-12" }) }, 0);
    expect(told.session).toMatchObject({ link: { state: "live" }, position: { epoch: "e", cursor: "c-12" } });
  });

  test("waits for the next connection where there is none", () => {
    const waiting = after(joined(), { on: "closed", code: 1006 }, { on: "renewed", token: "fresh" }, { on: "waited" });
    expect(step(waiting, { on: "opened" }, 0).effects).toEqual([{ do: "send", frame: { kind: "authenticate", token: "fresh" } }]);
  });

  test("opens a stream anew", () => {
    const live: Session = { ...joined(), way: "stream" };
    expect(step(live, { on: "renewed", token: "fresh" }, 0).effects).toEqual([{ do: "connect" }]);
  });
});
