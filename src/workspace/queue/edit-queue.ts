import { editFile, type EditOptions } from "#workspace/edit-file.ts";
import { decodeBytes } from "./text-bytes.ts";

/**
 * Changes the queue's file: its text is read, `edit` makes a new one, and the file is replaced whole; if somebody saved it
 * meanwhile, theirs is read and edited again. Bytes that are no UTF-8 stay as they are. A file that is not there is empty.
 * True if it was written. What `edit` throws is thrown, and nothing is written.
 */
export function editQueue(path: string, options: EditOptions, edit: (text: string) => string): Promise<boolean> {
  return editFile(path, options, (bytes) => {
    const { text, encode } = decodeBytes(bytes ?? Buffer.alloc(0));
    const edited = edit(text);
    return edited === text ? null : encode(edited);
  });
}
