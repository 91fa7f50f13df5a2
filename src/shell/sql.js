// One statement of SQL, run to its end: see sql.rs. Throws what the database throws.

export function run(sql, statement, params) {
  const cursor = sql.exec(statement, ...params);
  return [Array.from(cursor.raw()), cursor.rowsWritten];
}
