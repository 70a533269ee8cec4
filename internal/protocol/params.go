package protocol

import (
	"math"
	"strconv"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// parseStatus reads ST; 0 if it is missing.
func (c *clientRequest) parseStatus() (rookery.Status, error) {
	text, isGiven := c.valueOf("ST")
	if !isGiven {
		return 0, nil
	}
	number, err := strconv.ParseUint(text, 10, 8)
	if err != nil || !rookery.Status(number).Valid() {
		return 0, parameterError("ST", "allowed are 10, 20, 30, 40, 50, 60 and 70")
	}
	return rookery.Status(number), nil
}

// parsePage reads TN and UN: the size of a page, by default defaultSize, and where it starts.
func (c *clientRequest) parsePage(defaultSize int) (service.PageQuery, error) {
	limit, err := c.parseNumber("TN")
	if err != nil {
		return service.PageQuery{}, err
	}
	if limit == 0 {
		limit = uint64(defaultSize)
	}
	page, err := c.parsePageStart(int(min(limit, maxListPageSize)))
	return page, err
}

// parsePageStart reads UN as the start of a page.
func (c *clientRequest) parsePageStart(limit int) (service.PageQuery, error) {
	after, err := c.parseNumber("UN")
	if err != nil {
		return service.PageQuery{}, err
	}
	return service.PageQuery{After: rookery.UIN(min(after, math.MaxUint32)), Limit: limit}, nil
}

// parseNumber reads a non-negative decimal number. It returns 0 if the value is missing or empty,
// and the maximum of uint64 if the number is too large.
func (c *clientRequest) parseNumber(key string) (uint64, error) {
	text, _ := c.valueOf(key)
	if text == "" {
		return 0, nil
	}
	for _, digit := range []byte(text) {
		if digit < '0' || digit > '9' {
			return 0, parameterError(key, "no number")
		}
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		number = math.MaxUint64 // only digits, so it is out of range
	}
	return number, nil
}

// parseOptionalNumber reads a number; nil if it is missing or empty.
func (c *clientRequest) parseOptionalNumber(key string) (*int, error) {
	if text, _ := c.valueOf(key); text == "" {
		return nil, nil
	}
	n, err := c.parseNumber(key)
	if err != nil {
		return nil, err
	}
	number := int(min(n, math.MaxInt32))
	return &number, nil
}

// requireTarget checks that UN is not empty. parseTarget checks its value, after all other
// parameters.
func (c *clientRequest) requireTarget() error {
	if text, _ := c.valueOf("UN"); text == "" {
		return parameterError("UN", "missing")
	}
	return nil
}

// parseTarget reads UN as an account number.
func (c *clientRequest) parseTarget() (rookery.UIN, error) {
	text, _ := c.valueOf("UN")
	uin, ok := rookery.ParseUIN(text)
	if !ok {
		return 0, errNoTarget
	}
	return uin, nil
}

var errNoTarget = rookery.Errorf(rookery.CodeNoAccount, "UN: no account number, which is 10000 to 4294967295")
