package postgres

import (
	"encoding/binary"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// useIDs has ids travel as the sixteen bytes that they are. To the driver they are
// driver.Valuers and sql.Scanners of text: each is written as text, refused where
// binary is wanted, and read again, which takes 2 µs.
func useIDs(m *pgtype.Map) {
	id := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: idCodec{}}
	m.RegisterType(id)
	m.RegisterType(&pgtype.Type{Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: idsCodec{&pgtype.ArrayCodec{ElementType: id}}})
}

type idCodec struct{ pgtype.UUIDCodec }

// PlanEncode is of pgtype.Codec.
func (c idCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return encodeID{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// PlanScan is of pgtype.Codec.
func (c idCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return scanID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type encodeID struct{}

// Encode is of pgtype.EncodePlan.
func (encodeID) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(uuid.UUID)
	return append(buf, id[:]...), nil
}

type scanID struct{}

// Scan is of pgtype.ScanPlan.
func (scanID) Scan(src []byte, target any) (err error) {
	// Null has no bytes, and an error therefore, as it is no id.
	*target.(*uuid.UUID), err = uuid.FromBytes(src)
	return err
}

type idsCodec struct{ *pgtype.ArrayCodec }

// PlanEncode is of pgtype.Codec.
func (c idsCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.([]uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return encodeIDs{}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

type encodeIDs struct{}

// Encode is of pgtype.EncodePlan. The form is that of array_send.
func (encodeIDs) Encode(value any, buf []byte) ([]byte, error) {
	ids := value.([]uuid.UUID)
	if ids == nil {
		return nil, nil
	}
	dimensions := uint32(1)
	if len(ids) == 0 {
		dimensions = 0
	}
	const noNulls = 0
	for _, n := range []uint32{dimensions, noNulls, pgtype.UUIDOID} {
		buf = binary.BigEndian.AppendUint32(buf, n)
	}
	if len(ids) == 0 {
		return buf, nil
	}
	const lowest = 1
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(ids)))
	buf = binary.BigEndian.AppendUint32(buf, lowest)
	for _, id := range ids {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(id)))
		buf = append(buf, id[:]...)
	}
	return buf, nil
}
