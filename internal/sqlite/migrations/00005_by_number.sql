-- +goose Up
-- The client has confirmed a push by its number, so nothing else confirms.
ALTER TABLE sessions ADD COLUMN by_number INTEGER NOT NULL DEFAULT 0;
