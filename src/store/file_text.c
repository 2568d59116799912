#include "store/file_text.h"

#include "base/text.h"

Status
file_columns_text(const TableDef *file, const TableDef *table, Buf *out, Error *err)
{
	for (int32_t i = 0; i < table_column_count(table); i++) {
		const Field *field = schema_field(table_schema(table), i);
		int32_t at = table_column_by_id(file, table_column_id(table, i));
		buf_add_text(out, i > 0 ? ", " : "");
		if (at >= 0) {
			TRY(duck_file_column(schema_field(table_schema(file), at), field, out, err));
		} else {
			buf_add_text(out, "CAST(NULL AS ");
			TRY(duck_sql_type(field, out, err));
			buf_add_byte(out, ')');
		}
		buf_add_text(out, " AS ");
		text_quote(out, slice_text(field->name), '"');
	}
	return buf_status(out, err, "a list of columns");
}
