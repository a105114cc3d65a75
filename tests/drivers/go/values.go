package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

type place struct{ label, encryption, port, ca string }

// The driver has no such thing.
type cannot string

func (why cannot) Error() string { return string(why) }

type scenario func(db *sql.DB) (any, error)

type named struct {
	name string
	run  scenario
}

func read(folder, name string) string {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// The rest of a result set, each value written as every driver here writes it.
func values(rows *sql.Rows) ([]any, error) {
	columns, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	found := []any{}
	for rows.Next() {
		row, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		for i, value := range row {
			row[i] = text(value, columns[i].DatabaseTypeName())
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

func text(value any, kind string) any {
	switch value := value.(type) {
	case nil:
		return nil
	case bool:
		return map[bool]string{false: "0", true: "1"}[value]
	case []byte:
		switch {
		case kind == "DECIMAL":
			return string(value)
		case kind == "UNIQUEIDENTIFIER":
			var id mssql.UniqueIdentifier
			if err := id.Scan(value); err != nil {
				return err.Error()
			}
			return strings.ToLower(id.String())
		case len(value) < 100:
			return hex.EncodeToString(value)
		}
		return digest(value)
	case time.Time:
		if kind == "DATE" {
			return value.Format("2006-01-02")
		}
		return value.Format("2006-01-02 15:04:05.000")
	case string:
		if len(value) < 100 {
			return value
		}
		return digest([]byte(value))
	}
	return fmt.Sprint(value)
}

func digest(data []byte) string {
	hash := sha256.Sum256(data)
	return fmt.Sprintf("%d %s", len(data), hex.EncodeToString(hash[:])[:16])
}

func tell(at place, one named) {
	line := map[string]any{"place": at.label, "name": one.name}
	db, err := opened(at)
	if err == nil {
		line["result"], err = one.run(db)
		db.Close()
	}
	var reason cannot
	if errors.As(err, &reason) {
		delete(line, "result")
		line["skip"] = reason.Error()
	} else if err != nil {
		delete(line, "result")
		line["failed"] = fmt.Sprintf("%.300s", err)
	}
	out, _ := json.Marshal(line)
	fmt.Println(string(out))
}
