import type { ThreadPool } from "./pool.ts";

/** Threads that take longer are not waited for: programs run without them until they are there. */
const LONGEST_MS = 20_000;
const POLL_MS = 1;

/**
 * Starts the threads that programs may use. Resolves when all of them are ready, or cannot be. A worker tells of itself in the
 * shared memory only, so somebody has to look; between the looks a page is in its event loop, which is what workers wait for.
 */
export async function startThreads(pool: ThreadPool): Promise<void> {
  pool.start();
  const end = performance.now() + LONGEST_MS;
  while (pool.ready < pool.limit && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
