// The scenarios by microsoft/go-mssqldb; see ../scenario.py for the command line and how values are written.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

const large = 1 << 20

// The place is one with strict encryption.
var strict bool

var encrypt = map[string]string{"off": "disable", "login": "false", "on": "true", "strict": "strict"}

// A pool of one connection, so that a transaction's end or a reset is seen by what follows.
func opened(place place) (*sql.DB, error) {
	url := fmt.Sprintf("sqlserver://sa:sqlnode@localhost:%s?database=master&app+name=drivers&dial+timeout=10&encrypt=%s",
		place.port, encrypt[place.encryption])
	strict = place.encryption == "strict"
	if strict {
		url += "&certificate=" + place.ca
	} else {
		url += "&TrustServerCertificate=true"
	}
	db, err := sql.Open("sqlserver", url)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func asked(db asker, query string, args ...any) ([]any, error) {
	rows, err := db.QueryContext(context.Background(), query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return values(rows)
}

func table(db *sql.DB, name, columns string) error {
	_, err := db.Exec("DROP TABLE IF EXISTS " + name + "; CREATE TABLE " + name + " (" + columns + ")")
	return err
}

func results(db *sql.DB) (any, error) {
	rows, err := db.Query("SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 4 AS d WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []any{}
	for more := true; more; more = rows.NextResultSet() {
		set, err := values(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, set)
	}
	return found, nil
}

func parameters(db *sql.DB) (any, error) {
	return asked(db, "SELECT @p1 + 1, @p2, @p3, @p4", 41, "Grüße", []byte{0, 255, 16}, sql.NullString{})
}

func prepared(db *sql.DB) (any, error) {
	if err := table(db, "driver_prepared", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(50) NULL"); err != nil {
		return nil, err
	}
	insert, err := db.Prepare("INSERT INTO driver_prepared (id, s) VALUES (@p1, @p2)")
	if err != nil {
		return nil, err
	}
	for i, s := range []any{"one", "two", nil} {
		if _, err := insert.Exec(i+1, s); err != nil {
			return nil, err
		}
	}
	insert.Close()
	choose, err := db.Prepare("SELECT s FROM driver_prepared WHERE id = @p1")
	if err != nil {
		return nil, err
	}
	defer choose.Close()
	found := []any{}
	for _, id := range []int{3, 2, 1, 4} {
		rows, err := choose.Query(id)
		if err != nil {
			return nil, err
		}
		set, err := values(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, set)
	}
	return found, nil
}

func transaction(name string, end func(*sql.Tx) error) scenario {
	return func(db *sql.DB) (any, error) {
		if err := table(db, name, "id INT NOT NULL PRIMARY KEY"); err != nil {
			return nil, err
		}
		tx, err := db.Begin()
		if err != nil {
			return nil, err
		}
		defer tx.Rollback()
		if _, err := tx.Exec("INSERT INTO " + name + " (id) VALUES (1)"); err != nil {
			return nil, err
		}
		inside, err := asked(tx, "SELECT COUNT(*) FROM "+name)
		if err != nil {
			return nil, err
		}
		if err := end(tx); err != nil {
			return nil, err
		}
		after, err := asked(db, "SELECT COUNT(*) FROM "+name)
		return append(inside, after...), err
	}
}

// ended says `word` if the statement ended because its context did, and what can be asked then. The driver itself
// drops a connection after a deadline, as a deadline's error is of the kind that networks make.
func ended(db *sql.DB, ctx context.Context, word string, why error) (any, error) {
	begin := time.Now()
	_, err := db.ExecContext(ctx, "WAITFOR DELAY '00:00:10'")
	if !errors.Is(err, why) || time.Since(begin) > 5*time.Second {
		word = fmt.Sprint(err)
	}
	after, err := asked(db, "SELECT 1")
	return []any{word, after}, err
}

func cancel(db *sql.DB) (any, error) {
	ctx, stop := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, stop)
	return ended(db, ctx, "cancelled", context.Canceled)
}

func timeout(db *sql.DB) (any, error) {
	ctx, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer stop()
	return ended(db, ctx, "timed out", context.DeadlineExceeded)
}

func bulk(db *sql.DB) (any, error) {
	if strict {
		return nil, cannot("it writes column metadata of TDS 7.1 to a server that says 8.0")
	}
	if err := table(db, "driver_bulk", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(50) NULL"); err != nil {
		return nil, err
	}
	load, err := db.Prepare(mssql.CopyIn("driver_bulk", mssql.BulkOptions{}, "id", "s"))
	if err != nil {
		return nil, err
	}
	defer load.Close()
	for i := 0; i < 2000; i++ {
		var s any
		if i%3 != 0 {
			s = fmt.Sprintf("row %d", i)
		}
		if _, err := load.Exec(i, s); err != nil {
			return nil, err
		}
	}
	if _, err := load.Exec(); err != nil {
		return nil, err
	}
	load.Close()
	return asked(db, "SELECT COUNT(*), SUM(CAST(id AS BIGINT)), COUNT(s) FROM driver_bulk")
}

func bigValues(db *sql.DB) (any, error) {
	if err := table(db, "driver_large", "id INT NOT NULL PRIMARY KEY, s NVARCHAR(MAX) NULL, y VARBINARY(MAX) NULL"); err != nil {
		return nil, err
	}
	data := make([]byte, large)
	for i := range data {
		data[i] = byte(i)
	}
	text := strings.Repeat("0123456789abcdef", large/16)
	if _, err := db.Exec("INSERT INTO driver_large (id, s, y) VALUES (@p1, @p2, @p3)", 1, text, data); err != nil {
		return nil, err
	}
	return asked(db, "SELECT id, s, y, LEN(s), DATALENGTH(y) FROM driver_large")
}

func refusals(db *sql.DB) (any, error) {
	if err := table(db, "driver_errors", "id INT NOT NULL PRIMARY KEY"); err != nil {
		return nil, err
	}
	numbers := []any{}
	for _, query := range []string{"INSERT INTO driver_errors (id) VALUES (1)", "SELECT FROM WHERE", "SELECT 1 / 0",
		"INSERT INTO driver_errors (id) VALUES (1)", "INSERT INTO driver_errors (id) VALUES (NULL)",
		"SELECT * FROM no_such_table", "RAISERROR('mine', 16, 1)", "THROW 50001, 'mine', 1"} {
		_, err := db.Exec(query)
		var refusal mssql.Error
		if errors.As(err, &refusal) {
			numbers = append(numbers, refusal.Number)
		} else {
			numbers = append(numbers, 0)
		}
	}
	after, err := asked(db, "SELECT COUNT(*) FROM driver_errors")
	return []any{numbers, after}, err
}

// database/sql has the driver reset a connection before it is used again.
func reset(db *sql.DB) (any, error) {
	before, err := asked(db, "SELECT @@SPID")
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec("CREATE TABLE #left (id INT); USE tempdb"); err != nil {
		return nil, err
	}
	after, err := asked(db, "SELECT @@SPID")
	if err != nil {
		return nil, err
	}
	left, err := asked(db, "SELECT OBJECT_ID('tempdb..#left'), DB_NAME()")
	return []any{fmt.Sprint(before) == fmt.Sprint(after), left}, err
}

func query(text string) scenario {
	return func(db *sql.DB) (any, error) { return asked(db, text) }
}

func main() {
	scenarios := []named{
		{"connect", query("SELECT DB_NAME(), SUSER_SNAME(), APP_NAME()")},
		{"types", query(read(os.Args[1], "types.sql"))}, {"nulls", query(read(os.Args[1], "nulls.sql"))},
		{"results", results}, {"parameters", parameters}, {"prepared", prepared},
		{"commit", transaction("driver_commit", (*sql.Tx).Commit)},
		{"rollback", transaction("driver_rollback", (*sql.Tx).Rollback)},
		{"cancel", cancel}, {"timeout", timeout}, {"bulk", bulk}, {"large", bigValues}, {"errors", refusals}, {"reset", reset},
	}
	for _, words := range os.Args[3:] {
		part := strings.Split(words, ":")
		for _, one := range scenarios {
			tell(place{part[0], part[1], part[2], os.Args[2]}, one)
		}
	}
}
