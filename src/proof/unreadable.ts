import { Failure, hasErrorCode, messageOf } from "#system/failure.ts";

/** A file or folder that cannot be read is the owner's to mend; other errors go on as they are. */
export function unreadable(path: string, error: unknown): unknown {
  if (error instanceof Failure) return error;
  if (!(error instanceof Error) || !("code" in error)) return error;
  const why = hasErrorCode(error, "EACCES", "EPERM")
    ? "permission denied"
    : hasErrorCode(error, "ENOENT", "ENOTDIR")
      ? "it is not there"
      : messageOf(error);
  return new Failure("invalid", `${path} cannot be read: ${why}`, { cause: error });
}
