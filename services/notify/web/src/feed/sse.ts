/** Server-sent events out of pieces of text (WHATWG HTML, 9.2.6). Pure. */

export interface SentEvent {
  id: string;
  data: string;
}

/** Give it the pieces as they come; it gives back the events that are whole. `id` is the last one that was said. */
export function eventParser(): (piece: string) => SentEvent[] {
  let rest = "";
  let id = "";
  let data: string[] = [];
  let first = true;

  const line = (text: string, out: SentEvent[]) => {
    if (text === "") {
      if (data.length) out.push({ id, data: data.join("\n") });
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
  };

  return (piece) => {
    const out: SentEvent[] = [];
    rest += first ? piece.replace(/^\uFEFF/, "") : piece;
    first &&= piece === "";
    // A return at the very end may be half of a line end.
    const whole = rest.endsWith("\r") ? rest.length - 1 : rest.length;
    const lines = rest.slice(0, whole).split(/\r\n|\r|\n/);
    rest = (lines.pop() ?? "") + rest.slice(whole);
    for (const each of lines) line(each, out);
    return out;
  };
}
