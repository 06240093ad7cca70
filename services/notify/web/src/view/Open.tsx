import { addressOf, type Opened } from "../store/route";
import { Name } from "./Name";

/** The name of a queue or agent, leading to its day. */
export function Open({ type, id, tabIndex }: Opened & { tabIndex?: number }) {
  return (
    <a class="open" href={addressOf(type, id)} tabIndex={tabIndex} data-open={`${type}/${id}`}>
      <Name text={id} />
    </a>
  );
}
