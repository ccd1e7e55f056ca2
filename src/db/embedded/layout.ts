import { join } from "node:path";

/** Where everything of one home's embedded database lies. */
export function layoutOf(home: string) {
  const database = join(home, "database");
  const cluster = join(database, "cluster");
  return {
    home,
    database,
    /** Appears by one rename, with the data and its password inside: it is whole or absent. */
    cluster,
    data: join(cluster, "data"),
    password: join(cluster, "password"),
    /** The port last used: it is asked for again, so that a process which was connected finds the server. */
    port: join(database, "port"),
    log: join(database, "postgres.log"),
    lock: join(database, "lock"),
    alive: join(home, "alive"),
  };
}

export type Layout = ReturnType<typeof layoutOf>;
