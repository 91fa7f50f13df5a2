// One statement of SQL, run to its end, or all that there is deleted: see sql.rs. Throws what the database throws.

export function run(sql, statement, params) {
  const cursor = sql.exec(statement, ...params);
  return [Array.from(cursor.raw()), cursor.rowsWritten];
}

// What there was is gone at once for statements that follow, and on disk before anything is told. The promise tells
// only that; where it fails, the platform ends the object.
export function delete_all(storage) {
  storage.deleteAll().catch(() => {});
}
