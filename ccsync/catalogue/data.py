"""Sources, segments and rows."""

from ccsync.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E401": Entry(
        "Source file not found",
        "A source's path names no file that can be read, or a file whose own name would be taken for a pattern.",
        "Check `path` (relative to the config directory) and the permissions.",
    ),
    "E402": Entry(
        "SQL fails",
        "A `where`, `query` or `sql:` text can't be run over its source, or fails on a value. The message never"
        " shows the value.",
        "Mend the SQL; try_cast and try() give NULL in place of an error.",
    ),
    "E403": Entry(
        "SQL that is not allowed",
        "A query must be one SELECT, a condition or a field one expression of one row. They may read the relation"
        " `source` and nothing else: no file, network, other table or setting.",
        "Read `source` only; declare another source for other data and combine segments.",
    ),
    "E410": Entry(
        "No such table",
        "The source holds no table or view of that name, or only its schema and no rows (a draft segment).",
        "Take a name from the hint.",
    ),
    "E411": Entry(
        "No such column",
        "A mapping, the address or `order_by` names a column that the rows of a segment do not have.",
        "Take a name from the hint, or use another mapping.",
    ),
    "E412": Entry(
        "Value that can't be sent",
        "A field is mapped to lists, structures or JSON, which are no text.",
        "Pick one value with `sql:`, for example `tags[1]` or `payload->>'name'`.",
    ),
    "E413": Entry(
        "Files that are not alike",
        "The files behind one source do not have the same columns, or not those that their model lists, so rows would"
        " silently lack values.",
        "Make the files alike, or narrow the path; have a Common Data Model folder written again.",
    ),
    "E414": Entry(
        "Unusable header",
        "Columns without a name, two of one name (upper and lower case are one to SQL), or no first line at all.",
        "Give every column a name of its own; a CSV file without names is read with `header: false`.",
    ),
    "E415": Entry(
        "Malformed file",
        "A CSV row that is not as long as its header, an open quote, mixed line ends, or text that is not JSON.",
        "Mend the file at the line given; check `delimiter`, `quote` and `format` of the source.",
    ),
    "E416": Entry(
        "File of another kind",
        "The file can't be read as what it is declared to be: damaged, of another format, locked by another program,"
        " or listed by the model of its folder and not there.",
        "Check `type` and `path` of the source; copy a Common Data Model folder whole.",
    ),
    "E417": Entry(
        "Not text",
        "The source holds bytes that are not in the declared encoding, or NUL characters.",
        "Save the file as UTF-8, or set `encoding` of a CSV source.",
    ),
    "E418": Entry(
        "Oversized row",
        "A row or value is larger than any row of people can be: often a quote that was never closed.",
        "Look at the place given, or leave the large column out.",
    ),
    "E421": Entry(
        "Source changed while it was read",
        "A file was written to between the first and the last look at it, so what was read may be half old and half"
        " new.",
        "Run again when the file is complete; writers should write aside and rename.",
    ),
    "E422": Entry(
        "Unusable description of a folder",
        "The model.json or manifest of a Common Data Model folder can't be read, contradicts itself, or uses what is"
        " not supported, such as patterns in place of files.",
        "Have the folder written again, or read its files with a csv or parquet source.",
    ),
    "E423": Entry(
        "Source too old",
        "The table was built longer ago than `max_age` of its source allows, or does not say when.",
        "Refresh it where it is made, or raise `max_age`.",
    ),
    "E424": Entry(
        "Package not installed",
        "Sources of that type need a package that does not come with ccsync.",
        "Run the line in the hint, in the environment that ccsync runs in.",
    ),
    "E425": Entry(
        "Database not reached",
        "No connection to the database of a source: a wrong address, no network, or a sign-in that is refused. What the"
        " driver said is not shown, because it may hold the password.",
        "Check what the source's references lead to, with the database's own client.",
    ),
    "E430": Entry(
        "Nobody to suppress",
        "A source of people who must not be sent is empty, or its column holds neither addresses nor digests. That is"
        " taken for a broken source, not for leave to send to everyone. Nothing was planned.",
        "Mend the source, or say `allow_empty: true` in its entry under `suppress`.",
    ),
    "E431": Entry(
        "Values that no longer fit",
        "Between the plan and the apply a custom field got another type, other choices or other decimals, or the plan"
        " was made without asking for them; now values of the plan don't fit. Nothing was sent.",
        "Plan again without --no-refresh.",
    ),
    "W414": Entry(
        "A header that the model denies",
        "The model of a folder says that its files have no header, but they begin with the names of the columns. The"
        " first line was taken for a header, not for a customer.",
        "Set `columnHeaders` where the folder is written.",
        None,
    ),
    "W415": Entry(
        "Several runs listed",
        "The model lists files of several runs. Each run holds all rows, so only the newest was read; the others hold"
        " people who left.",
        "Nothing, if the newest run is meant.",
        None,
    ),
    "W417": Entry(
        "Perhaps cut off",
        "The source has exactly 100,000 rows, which is where the download of a table in Customer Insights ends. People"
        " beyond would count as having left.",
        "Compare with the number of members there, and use an export in place of the download.",
        None,
    ),
    "W430": Entry(
        "Suppressed people stay on the list",
        "People who must not be sent are members of the list, and ccsync did not put them there. It never takes members"
        " off that aren't ours.",
        "Take them off in Constant Contact. `ccsync import EXPORT --own` makes a list's members ours.",
        None,
    ),
    "W431": Entry(
        "Several rows a customer",
        "The table has several rows for some customers, as attributes of one-to-many tables make them. One row counts.",
        "Say which with `duplicates.order_by` of the export.",
        None,
    ),
    "W432": Entry(
        "Suppression that names nobody",
        "Rows of a source of people who must not be sent hold something else than an address or a digest. Whom they"
        " mean can't be known, so those people may be sent.",
        "Mend the source.",
        None,
    ),
    "W433": Entry(
        "Types of custom fields not known",
        "The plan was made without asking the account, and no earlier apply knew the types of these custom fields."
        " Their values are planned as they stand; `apply` checks them and sends nothing if one doesn't fit (E431).",
        "Plan without --no-refresh.",
        None,
    ),
    "W441": Entry(
        "Segment that is not kept up",
        "The segment is static or inactive, or its table is older than others of its folder: it keeps people who were"
        " erased or would no longer belong.",
        "Rebuild it in Customer Insights.",
        None,
    ),
    "W442": Entry(
        "Segment without members",
        "No customer has the segment's name in their list of segments: it is empty, or its name is spelled otherwise.",
        "Check the name, upper and lower case included.",
        None,
    ),
}
