// The load of bench/sql-failover by database/sql over microsoft/go-mssqldb: pool PORT; ../../pool.py says what a load does
// and prints.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"sync/atomic"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

const (
	size    = 50
	timeout = 5 * time.Second
	think   = 100 * time.Millisecond
	read    = "SELECT n FROM bench_counter WHERE k = @p1"
	write   = "INSERT INTO bench_write (id, k) VALUES (@p1, @p2)"
	count   = "UPDATE bench_counter SET n = n + 1 WHERE k = @p1"
)

type conn interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// A COMMIT failed.
type commitError struct{ error }

func (why commitError) Unwrap() error { return why.error }

var (
	db      *sql.DB
	written atomic.Int64
)

func ask(ctx context.Context, on conn, key string) error {
	var n int
	return on.QueryRowContext(ctx, read, key).Scan(&n)
}

func transaction(ctx context.Context, key, row string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := ask(ctx, tx, key); err != nil {
		return err
	}
	time.Sleep(think)
	if _, err := tx.ExecContext(ctx, write, row, key); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, count, key); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return commitError{err}
	}
	return nil
}

// An idle connection is held between two uses; one that failed is given back.
func idle(ctx context.Context, held **sql.Conn, key string) error {
	if *held == nil {
		one, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		*held = one
	}
	err := ask(ctx, *held, key)
	if err != nil {
		(*held).Close()
		*held = nil
	}
	return err
}

func once(kind byte, key string, held **sql.Conn) {
	ctx, end := context.WithTimeout(context.Background(), timeout)
	defer end()
	row := "-"
	if kind == 'w' || kind == 't' {
		row = fmt.Sprintf("%c-go-mssqldb-%d", kind, written.Add(1))
	}
	begin, err := time.Now().UnixMicro(), error(nil)
	switch kind {
	case 'i':
		err = idle(ctx, held, key)
	case 'r':
		err = ask(ctx, db, key)
	case 'w':
		_, err = db.ExecContext(ctx, write, row, key)
	case 't':
		err = transaction(ctx, key, row)
	}
	number, text := int32(0), ""
	if err != nil {
		number, text = -1, fmt.Sprint(err)
		var refusal mssql.Error
		if errors.As(err, &refusal) {
			number = refusal.Number
		}
		var commit commitError
		if errors.As(err, &commit) {
			text = "commit " + text
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	fmt.Printf("%d %d %c %s %d %.200s\n", begin, time.Now().UnixMicro(), kind, row, number, text)
}

func work(kind byte, key string, period time.Duration) {
	var held *sql.Conn
	time.Sleep(time.Duration(rand.Float64() * float64(period)))
	for {
		once(kind, key, &held)
		time.Sleep(time.Duration((0.9 + 0.2*rand.Float64()) * float64(period)))
	}
}

// open has the pool hold all its connections, as HikariCP does by itself.
func open(port string) error {
	var err error
	db, err = sql.Open("sqlserver", "sqlserver://sa:sqlnode@127.0.0.1:"+port+"?database=master&dial+timeout=5&encrypt=disable")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	var all []*sql.Conn
	for i := 0; i < size; i++ {
		one, err := db.Conn(context.Background())
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	for _, one := range all {
		one.Close()
	}
	return nil
}

func main() {
	if err := open(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for i := 0; i < size; i++ {
		key := fmt.Sprintf("go-mssqldb-%d", i%10)
		switch {
		case i < 10:
			go work('i', key, 2500*time.Millisecond)
		case i < 30:
			go work('r', key, time.Second)
		case i < 40:
			go work('w', key, time.Second)
		default:
			go work('t', key, 2*time.Second)
		}
	}
	select {}
}
