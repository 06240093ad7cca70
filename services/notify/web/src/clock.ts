/**
 * This page's clock: never backward, and it counts time asleep. The wall clock can be set back and the monotonic one
 * stops while a laptop sleeps; either alone could make old data look fresh, so each step is the longer of the two.
 */
export function createClock(wall_ms: () => number, steady_ms: () => number): () => number {
  let wall = wall_ms();
  let steady = steady_ms();
  let now_ms = 0;
  return () => {
    const wallNow = wall_ms();
    const steadyNow = steady_ms();
    now_ms += Math.max(wallNow - wall, steadyNow - steady, 0);
    wall = wallNow;
    steady = steadyNow;
    return now_ms;
  };
}
