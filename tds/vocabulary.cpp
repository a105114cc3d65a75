#include "tds/vocabulary.h"

#include <array>

#include "tds/little.h"

namespace holdfast::tds {
namespace {

struct Group {
  std::uint16_t flags;
  std::string_view words;
};

constexpr std::uint16_t reads = kReserved | kReads | kWrites, writes = kReserved | kWrites;

// Reserved words are those of Microsoft's list "Reserved keywords (Transact-SQL)"; the functions are its
// built-in functions less those that reach outside the database, hand out values (NEXT VALUE FOR,
// NEWSEQUENTIALID) or tell of keys and locks.
constexpr Group groups[] = {
    {reads | kStarts, "SELECT WITH DECLARE SET IF ELSE BEGIN END PRINT"},
    {reads,
     "ALL AND ANY AS ASC BETWEEN BY CASE COALESCE COLLATE CONTAINS CONTAINSTABLE CONVERT CROSS CURRENT "
     "CURRENT_DATE CURRENT_USER "
     "DESC DISTINCT DOUBLE ESCAPE EXCEPT EXISTS FETCH FOR FREETEXT FREETEXTTABLE FROM FULL GROUP HAVING IN "
     "INDEX INNER INTERSECT "
     "IS JOIN LEFT LIKE NATIONAL NOT NULL NULLIF OF ON OPTION OR ORDER OUTER OVER PERCENT PIVOT PLAN "
     "PRECISION RIGHT SESSION_USER "
     "SOME SYSTEM_USER TABLESAMPLE THEN TO TOP TRY_CONVERT UNION UNPIVOT USER VALUES VARYING WHEN WHERE "
     "WITHIN"},
    {reads | kVaries, "CURRENT_TIME CURRENT_TIMESTAMP"},
    {writes | kStarts, "INSERT UPDATE DELETE MERGE TRUNCATE"},
    {writes,
     "INTO TABLE DEFAULT PRIMARY KEY IDENTITY UNIQUE CHECK CLUSTERED NONCLUSTERED CONSTRAINT IDENTITYCOL "
     "ROWGUIDCOL"},
    {writes | kLocks, "HOLDLOCK"},
    {kReserved,
     "ADD ALTER AUTHORIZATION BACKUP BREAK BROWSE BULK CASCADE CHECKPOINT CLOSE COLUMN COMMIT COMPUTE "
     "CONTINUE CREATE CURSOR DATABASE "
     "DBCC DEALLOCATE DENY DISK DISTRIBUTED DROP DUMP ERRLVL EXEC EXECUTE EXIT EXTERNAL FILE FILLFACTOR "
     "FOREIGN FUNCTION GOTO GRANT "
     "IDENTITY_INSERT KILL LINENO LOAD NOCHECK OFF OFFSETS OPEN OPENDATASOURCE OPENQUERY OPENROWSET OPENXML "
     "PROC PROCEDURE PUBLIC "
     "RAISERROR READ READTEXT RECONFIGURE REFERENCES REPLICATION RESTORE RESTRICT RETURN REVERT REVOKE "
     "ROLLBACK ROWCOUNT RULE SAVE "
     "SCHEMA SECURITYAUDIT SEMANTICKEYPHRASETABLE SEMANTICSIMILARITYDETAILSTABLE SEMANTICSIMILARITYTABLE "
     "SETUSER SHUTDOWN STATISTICS "
     "STOPLIST TEXTSIZE TRAN TRANSACTION TRIGGER TSEQUAL UPDATETEXT USE VIEW WAITFOR WHILE WRITETEXT"},
    {kBreaks,
     "AT ZONE OFFSET ROW ROWS RANGE ONLY APPLY PARTITION OUTPUT USING MATCHED TIES IGNORE RESPECT NULLS "
     "SYSTEM_TIME HASH LOOP REMOTE"},
    {kDenied, "RECEIVE CONVERSATION DIALOG THROW ATOMIC RENAME"},
    {kLocks, "UPDLOCK XLOCK TABLOCKX TABLOCK PAGLOCK SERIALIZABLE REPEATABLEREAD READCOMMITTEDLOCK"},
    {kHint, "NOLOCK READUNCOMMITTED READPAST READCOMMITTED NOEXPAND NOWAIT ROWLOCK FORCESCAN"},
    // types
    {kCall,
     "BINARY CHAR DATETIME2 DATETIMEOFFSET DEC DECIMAL FLOAT NCHAR NUMERIC NVARCHAR TIME VARBINARY VARCHAR "
     "VECTOR"},
    // clauses that look like calls
    {kCall, "CUBE FORCESEEK PATH RAW ROLLUP ROOT SETS XMLNAMESPACES"},
    // numbers
    {kCall,
     "ABS ACOS ASIN ATAN ATN2 BIT_COUNT CEILING COS COT DEGREES EXP FLOOR GET_BIT GREATEST LEAST LEFT_SHIFT "
     "LOG LOG10 PI POWER RADIANS "
     "RIGHT_SHIFT ROUND SET_BIT SIGN SIN SQRT SQUARE TAN"},
    // text
    {kCall,
     "ASCII CHARINDEX CONCAT CONCAT_WS DATALENGTH DIFFERENCE FORMAT FORMATMESSAGE LEN LOWER LTRIM PATINDEX "
     "QUOTENAME REPLACE REPLICATE "
     "REVERSE RTRIM SOUNDEX SPACE STR STRING_AGG STRING_ESCAPE STRING_SPLIT STUFF SUBSTRING TRANSLATE TRIM "
     "UNICODE UPPER"},
    // dates
    {kCall,
     "DATEADD DATEDIFF DATEDIFF_BIG DATEFROMPARTS DATENAME DATEPART DATETIME2FROMPARTS DATETIMEFROMPARTS "
     "DATETIMEOFFSETFROMPARTS "
     "DATETRUNC DATE_BUCKET DAY EOMONTH ISDATE MONTH SMALLDATETIMEFROMPARTS SWITCHOFFSET TIMEFROMPARTS "
     "TODATETIMEOFFSET YEAR"},
    // aggregates and windows
    {kCall,
     "APPROX_COUNT_DISTINCT AVG CHECKSUM_AGG COUNT COUNT_BIG CUME_DIST DENSE_RANK FIRST_VALUE GROUPING "
     "GROUPING_ID LAG LAST_VALUE LEAD "
     "MAX MIN NTILE PERCENTILE_CONT PERCENTILE_DISC PERCENT_RANK RANK ROW_NUMBER STDEV STDEVP SUM VAR VARP"},
    // conversion and choice
    {kCall, "CAST CHOOSE IIF ISNULL ISNUMERIC PARSE TRY_CAST TRY_PARSE"},
    // JSON, hashes, compression
    {kCall,
     "BINARY_CHECKSUM CHECKSUM COMPRESS DECOMPRESS GENERATE_SERIES HASHBYTES ISJSON JSON_ARRAY JSON_MODIFY "
     "JSON_PATH_EXISTS JSON_QUERY "
     "JSON_VALUE OPENJSON"},
    // catalogue
    {kCall,
     "COLUMNPROPERTY COL_LENGTH COL_NAME DATABASEPROPERTYEX DB_ID DB_NAME FILEGROUP_NAME FILE_NAME "
     "HAS_DBACCESS HAS_PERMS_BY_NAME "
     "INDEXKEY_PROPERTY INDEXPROPERTY INDEX_COL IS_MEMBER IS_ROLEMEMBER IS_SRVROLEMEMBER OBJECTPROPERTY "
     "OBJECTPROPERTYEX OBJECT_DEFINITION OBJECT_ID "
     "OBJECT_NAME OBJECT_SCHEMA_NAME SCHEMA_ID SCHEMA_NAME SERVERPROPERTY STATS_DATE SUSER_ID SUSER_NAME "
     "SUSER_SID SUSER_SNAME TYPEPROPERTY "
     "TYPE_ID TYPE_NAME USER_ID USER_NAME ORIGINAL_LOGIN APP_NAME HOST_NAME CONTEXT_INFO SESSION_CONTEXT"},
    {kCall | kVaries,
     "GETDATE GETUTCDATE SYSDATETIME SYSDATETIMEOFFSET SYSUTCDATETIME NEWID RAND CRYPT_GEN_RANDOM HOST_ID "
     "CONNECTIONPROPERTY"},
    {kCall | kPrevious, "SCOPE_IDENTITY ROWCOUNT_BIG"},
};

struct Named {
  std::string_view word;
  Key key;
};
constexpr Named keys[] = {{"ALTER", Key::Alter},
                          {"AS", Key::As},
                          {"BEGIN", Key::Begin},
                          {"CASE", Key::Case},
                          {"COMMIT", Key::Commit},
                          {"CREATE", Key::Create},
                          {"CURSOR", Key::Cursor},
                          {"CURRENT", Key::Current},
                          {"DBCC", Key::Dbcc},
                          {"DECLARE", Key::Declare},
                          {"DENY", Key::Deny},
                          {"DROP", Key::Drop},
                          {"DEALLOCATE", Key::Deallocate},
                          {"ELSE", Key::Else},
                          {"END", Key::End},
                          {"EXEC", Key::Exec},
                          {"EXECUTE", Key::Exec},
                          {"FETCH", Key::Fetch},
                          {"FOR", Key::For},
                          {"FROM", Key::From},
                          {"FUNCTION", Key::Function},
                          {"GOTO", Key::Goto},
                          {"GRANT", Key::Grant},
                          {"IF", Key::If},
                          {"INSERT", Key::Insert},
                          {"INTO", Key::Into},
                          {"JOIN", Key::Join},
                          {"MERGE", Key::Merge},
                          {"OF", Key::Of},
                          {"ON", Key::On},
                          {"OPEN", Key::Open},
                          {"OPTION", Key::Option},
                          {"OR", Key::Or},
                          {"OUTPUT", Key::Output},
                          {"PROC", Key::Proc},
                          {"PROCEDURE", Key::Proc},
                          {"RETURN", Key::Return},
                          {"REVOKE", Key::Revoke},
                          {"ROLLBACK", Key::Rollback},
                          {"SELECT", Key::Select},
                          {"SET", Key::Set},
                          {"SETUSER", Key::Setuser},
                          {"TABLE", Key::Table},
                          {"THROW", Key::Throw},
                          {"TOP", Key::Top},
                          {"TRIGGER", Key::Trigger},
                          {"UPDATE", Key::Update},
                          {"USE", Key::Use},
                          {"VIEW", Key::View},
                          {"WHILE", Key::While},
                          {"WITH", Key::With}};

constexpr std::size_t slots = 2048, longest_word = 32;

/// Of length, ends and middle: enough to spread a few hundred words, and the same work for each.
constexpr std::size_t hash_of(std::string_view word) {
  const std::size_t n = word.size();
  auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(word[i])); };
  const std::uint32_t ends = at(0) | at(n - 1) << 8 | at(n / 2) << 16 | at(n / 4) << 24;
  const std::uint32_t h =
      (ends ^ static_cast<std::uint32_t>(n) * 0x9E3779B1u ^ at(n * 3 / 4) << 12) * 0x85EBCA6Bu;
  return (h ^ h >> 15) % slots;
}

struct Slot {
  std::string_view word;
  WordInfo info;
};

consteval std::array<Slot, slots> make_table() {
  std::array<Slot, slots> table{};
  auto slot = [&](std::string_view word) -> Slot& {
    std::size_t i = hash_of(word);
    while (!table[i].word.empty() && table[i].word != word) i = (i + 1) % slots;
    table[i].word = word;
    return table[i];
  };
  for (const Group& group : groups) {
    std::string_view left = group.words;
    while (!left.empty()) {
      const std::size_t n = left.find(' ') == left.npos ? left.size() : left.find(' ');
      slot(left.substr(0, n)).info.flags |= group.flags;
      left.remove_prefix(n == left.size() ? n : n + 1);
    }
  }
  for (const Named& named : keys) slot(named.word).info.key = named.key;
  return table;
}

constexpr std::array<Slot, slots> table = make_table();

struct Folded {
  std::size_t size = 0;  ///< 0: not ASCII, or longer than any word
  bool turkish_i = false;
};

Folded folded(Bytes utf16, char* out) {
  Folded result{utf16.size() / 2, false};
  if (result.size > longest_word) return {};
  for (std::size_t i = 0; i < result.size; ++i) {
    const auto low = static_cast<unsigned char>(utf16[2 * i]),
               high = static_cast<unsigned char>(utf16[2 * i + 1]);
    const bool turkish = high == 1 && (low == 0x30 || low == 0x31);
    if (!turkish && (high != 0 || low >= 0x80)) return {};
    result.turkish_i |= turkish;
    const char c = turkish ? 'I' : static_cast<char>(low);
    out[i] = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
  }
  return result;
}

bool one_of(std::string_view list, std::string_view word) {
  for (std::size_t at = list.find(word); at != list.npos; at = list.find(word, at + 1))
    if ((at == 0 || list[at - 1] == ' ') &&
        (at + word.size() == list.size() || list[at + word.size()] == ' '))
      return true;
  return false;
}

}  // namespace

WordInfo word_info(std::string_view word) {
  if (word.empty()) return {};
  for (std::size_t i = hash_of(word); !table[i].word.empty(); i = (i + 1) % slots)
    if (table[i].word == word) return table[i].info;
  return {};
}

WordInfo word_info_of(Bytes utf16) {
  char upper[longest_word];
  const Folded word = folded(utf16, upper);
  if (word.size == 0) return {};
  const WordInfo info = word_info({upper, word.size});
  if (!word.turkish_i) return info;
  return {Key::None, static_cast<std::uint16_t>(info.flags != 0 || info.key != Key::None ? kAmbiguous : 0)};
}

GlobalUse global_use(Bytes utf16) {
  char upper[longest_word];
  const Folded word = folded(utf16, upper);
  const std::string_view name(upper, word.turkish_i ? 0 : word.size);
  if (name.empty()) return GlobalUse::Unknown;
  if (one_of("@@IDENTITY @@ROWCOUNT @@ERROR @@FETCH_STATUS @@CURSOR_ROWS", name)) return GlobalUse::Previous;
  if (one_of("@@VERSION @@SERVERNAME @@SERVICENAME @@SPID @@OPTIONS @@LOCK_TIMEOUT", name))
    return GlobalUse::Varies;
  if (one_of("@@MAX_PRECISION @@LANGUAGE @@LANGID @@DATEFIRST @@TEXTSIZE @@TRANCOUNT", name))
    return GlobalUse::Constant;
  return GlobalUse::Unknown;
}

std::string plain_name(Bytes utf16) {
  std::string text = to_utf8(utf16);
  if (!text.empty() && (text[0] == '[' || text[0] == '"')) {
    const char close = text[0] == '[' ? ']' : '"';
    std::string inner;
    for (std::size_t i = 1; i + 1 < text.size(); ++i) {
      inner += text[i];
      if (text[i] == close) ++i;
    }
    text = std::move(inner);
  }
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 0x20);
  return text;
}

bool is_temporary(Bytes utf16) {
  const bool quoted = utf16.size() >= 4 && (utf16[0] == '[' || utf16[0] == '"') && utf16[1] == 0;
  const std::size_t at = quoted ? 2 : 0;
  return utf16.size() >= at + 2 && utf16[at] == '#' && utf16[at + 1] == 0;
}

}  // namespace holdfast::tds
