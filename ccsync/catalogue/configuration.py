"""What is declared."""

from ccsync.catalogue.entry import Entry

ENTRIES: dict[str, Entry] = {
    "E100": Entry(
        "A file can't be read",
        "A configuration file or folder is missing, not an ordinary file, too large, or not readable. Nothing is"
        " read in part: what it declares would silently be gone.",
        "Look at the file's permissions and kind, or remove it.",
    ),
    "E101": Entry(
        "Not valid YAML",
        "The file is not UTF-8 text, not YAML 1.2, or uses what is not taken here: tags, several documents, keys"
        " that are no text, merge keys.",
        "Mend the place that is named. Indent with spaces, and put quotes around text with special characters.",
    ),
    "E102": Entry(
        "Declared twice",
        "The same key stands twice in one mapping, or the same name in two files. Which one is meant can't be known.",
        "Remove or rename one of them.",
    ),
    "E103": Entry(
        "Not what the schema allows",
        "An unknown key, a missing key, a value of the wrong kind or out of range, or a name of the wrong form.",
        "See `docs/configuration.md`, or let an editor complete and check the file through its `$schema` line.",
    ),
    "E104": Entry(
        "A secret in plain text",
        "A client secret, access token or password stands in the file. Whoever can read the repository can read it.",
        "Put it into the environment or a file, refer to it as `${env:NAME}` or `${file:PATH}`, and replace the"
        " secret by a new one.",
    ),
    "E105": Entry(
        "No list is named",
        "`list` holds neither a list id (a UUID), nor a list's web address, nor a name. Plain numbers are ids of"
        " the old v2 API.",
        "Paste the list's web address from the browser, or look the id up with `ccsync lists CONNECTION`.",
    ),
    "E106": Entry(
        "A reference leads nowhere",
        "The environment variable behind `${env:NAME}` is not set or empty, or the file behind `${file:PATH}`"
        " can't be read or is empty.",
        "Set it. `ccsync validate` needs neither environment nor secrets.",
    ),
    "E107": Entry(
        "A malformed reference",
        "A `${` stands in a value and begins neither `${env:NAME}` nor `${file:PATH}`.",
        "Mend it, or write `$${` for a plain `${`.",
    ),
    "E108": Entry(
        "YAML beyond its bounds",
        "A file nests too deeply, holds too many values, or its aliases grow too far or into themselves.",
        "Write the values out, or split the file.",
    ),
    "E109": Entry(
        "No configuration",
        "There is no config directory, or no *.yaml file below it.",
        "Start a project with `ccsync init`, or name the folder with `-C`.",
    ),
    "E110": Entry(
        "An unknown name",
        "A segment, source or connection is named that no file declares.",
        "Mend the name or declare it.",
    ),
    "E111": Entry(
        "A segment made of itself",
        "Segments are combined in a circle, so none of them can be computed.",
        "Take one of them out of the circle.",
    ),
    "E112": Entry(
        "Sign-in doesn't fit its flow",
        "`auth` lacks what its flow needs, or holds a secret that only another flow uses.",
        "Add, remove or change the `flow`.",
    ),
    "E113": Entry(
        "Table missing or meaningless",
        "Sources of type duckdb, sqlite and cdm hold several tables, so a segment must say which; the others are"
        " one table.",
        "Add or remove `table`.",
    ),
    "E114": Entry(
        "No order",
        "An entry of `duplicates.order_by` is not a column with asc or desc.",
        "Write `column`, `column asc` or `column desc`; a column with blanks stands in double quotes.",
    ),
    "E115": Entry(
        "Custom fields",
        "A custom field's name is not an API name (letters, digits and _), or there are more than the 25 that one"
        " contact can carry.",
        "Take the API name, without `cf:`; map fewer fields.",
    ),
    "E116": Entry(
        "The same segment twice",
        "An export names a segment twice, or two exports put the same segment on the same list.",
        "Leave it to one of them.",
    ),
    "E117": Entry(
        "Two exports disagree",
        "Two exports on one connection want different values of one field for the same people. Neither writes"
        " that field of"
        " these people; the rest of the plan is not affected.",
        "Let one export own the field, or map it the same way in both.",
        None,
    ),
    "E118": Entry(
        "Unsafe endpoint",
        "An address to send to is not https, or holds a user, a query or nothing usable. Plain http is for this"
        " machine only.",
        "Mend the address, or remove it to use the vendor's.",
    ),
    "E119": Entry(
        "An unknown attribute",
        "`attributes` names a field that the import does not have.",
        "Mend the name; the account's own fields stand under `custom_fields`.",
    ),
    "E120": Entry(
        "No query",
        "A segment's `query` names a file that can't be read or is empty, or is no SQL.",
        "Mend the path; it is relative to the config directory and ends with .sql.",
    ),
    "E121": Entry(
        "Half a birthday",
        "The import takes `birthday_month` and `birthday_day` only together.",
        "Map both or neither.",
    ),
    "E122": Entry(
        "Files are in the way",
        "`ccsync init` found files it would have to overwrite. It wrote nothing.",
        "Choose another folder, or move the files away.",
    ),
    "E150": Entry(
        "Two birthdays",
        "`birthday` takes a date and fills `birthday_month` and `birthday_day`; an export maps it, or those two.",
        "Remove one of them.",
    ),
    "E151": Entry(
        "Two columns for one field",
        "Two attributes stand for the same field of a contact: `phone` is `other_phone`, and an address without a kind"
        " is the home address.",
        "Remove one of them.",
    ),
    "W101": Entry(
        "Declared but not used",
        "No export needs this connection, source or segment.",
        "Remove it, or use it.",
        None,
    ),
    "W102": Entry(
        "A folder is read once",
        "A link leads to a folder that is read already, perhaps in a circle.",
        "Remove the link.",
        None,
    ),
    "W103": Entry(
        "Roles without administrators",
        "`roles` names no administrators, so nobody can sign in, give consent or unlock.",
        "Name at least one.",
        None,
    ),
    "W104": Entry(
        "No exports",
        "The configuration declares no export, so there is nothing to do.",
        "Declare one under `exports:`.",
        None,
    ),
}
