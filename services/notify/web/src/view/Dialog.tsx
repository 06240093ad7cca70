/** A modal of the browser's own: it keeps the focus inside, closes on Escape, and gives the focus back. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../text/text";

interface Props {
  title: string;
  class?: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, class: className = "", onClose, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  // A click on the dialog itself and not on what is in it is a click beside it.
  const beside = (event: MouseEvent) => event.target === ref.current && onClose();
  return (
    <dialog ref={ref} class={`dialog ${className}`} aria-labelledby="dialog-title" onClose={onClose} onClick={beside}>
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id="dialog-title">{title}</h2>
          <button type="button" class="quiet" onClick={onClose}>
            {t("problem.dismiss")}
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
