/** A name that the contact centre chose: any text at all, in any direction, kept from disturbing its neighbours. */
export function Name({ text }: { text: string }) {
  return (
    <bdi class="name" dir="auto" title={text}>
      {text}
    </bdi>
  );
}
