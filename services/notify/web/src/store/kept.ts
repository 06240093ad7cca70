/** Choices about this page, kept in this browser. */

/** Storage may be forbidden; then the choice holds until the page is left. */
export function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See `kept`.
  }
}
