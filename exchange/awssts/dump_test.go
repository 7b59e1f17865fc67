package awssts_test

import (
	"fmt"
	"reflect"
	"strings"
)

// dump prints everything that can be reached from v, unexported fields
// included: what a debugger or a careless logger would show.
func dump(v any) string {
	var b strings.Builder
	walk(&b, reflect.ValueOf(v), map[uintptr]bool{}, 0)
	return b.String()
}

func walk(b *strings.Builder, v reflect.Value, seen map[uintptr]bool, depth int) {
	if depth > 30 || !v.IsValid() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		walk(b, v.Elem(), seen, depth+1)
	case reflect.Interface:
		walk(b, v.Elem(), seen, depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			walk(b, v.Field(i), seen, depth+1)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			for i := range v.Len() {
				b.WriteByte(byte(v.Index(i).Uint()))
			}
			b.WriteByte('\n')
			return
		}
		for i := range v.Len() {
			walk(b, v.Index(i), seen, depth+1)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			walk(b, k, seen, depth+1)
			walk(b, v.MapIndex(k), seen, depth+1)
		}
	case reflect.String:
		b.WriteString(v.String() + "\n")
	default:
		fmt.Fprintln(b, v)
	}
}
