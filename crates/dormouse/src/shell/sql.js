// One statement of SQL, run to its end, several that stand or fall together, or all that there is deleted: see sql.rs.
// Throws what the database throws.

export function run(sql, statement, params) {
  const cursor = sql.exec(statement, ...params);
  return [Array.from(cursor.raw()), cursor.rowsWritten];
}

// What there was is gone at once for statements that follow, and on disk before anything is told. The promise tells
// only that; where it fails, the platform ends the object.
export function delete_all(storage) {
  storage.deleteAll().catch(() => {});
}

// What is thrown inside is what undoes all that the work did.
export function transaction(storage, work) {
  storage.transactionSync(() => {
    if (!work()) throw new Error("the transaction is undone");
  });
}
