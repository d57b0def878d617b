;; The matrix product of the lifter's network, with SIMD. Pyodide's NumPy has no BLAS: its own
;; product is a plain loop, which needs ten times as long.
;;
;; Each sum is taken in the order of the inner index, as NumPy's loop does: the results are the
;; same.
(module
  (memory (export "memory") 1)

  ;; out = x · w, float32.
  ;;   x     rows × inner, row by row; rows is a multiple of 4
  ;;   w     panels of eight columns: for each inner index eight numbers
  ;;   out   rows × columns, row by row; columns is a multiple of 8
  (func (export "multiply")
    (param $x i32) (param $w i32) (param $out i32)
    (param $rows i32) (param $inner i32) (param $columns i32)
    (local $row i32) (local $column i32) (local $left i32) (local $panel i32) (local $end i32)
    (local $a i32) (local $b i32) (local $stride i32) (local $stride2 i32) (local $stride3 i32)
    (local $low v128) (local $high v128) (local $s v128) (local $to i32) (local $next i32)
    (local $l0 v128) (local $l1 v128) (local $l2 v128) (local $l3 v128)
    (local $h0 v128) (local $h1 v128) (local $h2 v128) (local $h3 v128)
    (local.set $stride (i32.shl (local.get $inner) (i32.const 2)))
    (local.set $stride2 (i32.shl (local.get $inner) (i32.const 3)))
    (local.set $stride3 (i32.add (local.get $stride) (local.get $stride2)))
    (local.set $next (i32.shl (local.get $columns) (i32.const 2)))
    (local.set $panel (local.get $w))
    (loop $columns_
      (local.set $left (local.get $x))
      (local.set $row (i32.const 0))
      (local.set $end
        (i32.add (local.get $panel) (i32.shl (local.get $inner) (i32.const 5))))
      (loop $rows_
        (local.set $a (local.get $left))
        (local.set $b (local.get $panel))
        (local.set $l0 (v128.const i32x4 0 0 0 0))
        (local.set $l1 (v128.const i32x4 0 0 0 0))
        (local.set $l2 (v128.const i32x4 0 0 0 0))
        (local.set $l3 (v128.const i32x4 0 0 0 0))
        (local.set $h0 (v128.const i32x4 0 0 0 0))
        (local.set $h1 (v128.const i32x4 0 0 0 0))
        (local.set $h2 (v128.const i32x4 0 0 0 0))
        (local.set $h3 (v128.const i32x4 0 0 0 0))
        (loop $inner_
          (local.set $low (v128.load (local.get $b)))
          (local.set $high (v128.load offset=16 (local.get $b)))
          (local.set $s (v128.load32_splat (local.get $a)))
          (local.set $l0 (f32x4.add (local.get $l0) (f32x4.mul (local.get $s) (local.get $low))))
          (local.set $h0 (f32x4.add (local.get $h0) (f32x4.mul (local.get $s) (local.get $high))))
          (local.set $s (v128.load32_splat (i32.add (local.get $a) (local.get $stride))))
          (local.set $l1 (f32x4.add (local.get $l1) (f32x4.mul (local.get $s) (local.get $low))))
          (local.set $h1 (f32x4.add (local.get $h1) (f32x4.mul (local.get $s) (local.get $high))))
          (local.set $s (v128.load32_splat (i32.add (local.get $a) (local.get $stride2))))
          (local.set $l2 (f32x4.add (local.get $l2) (f32x4.mul (local.get $s) (local.get $low))))
          (local.set $h2 (f32x4.add (local.get $h2) (f32x4.mul (local.get $s) (local.get $high))))
          (local.set $s (v128.load32_splat (i32.add (local.get $a) (local.get $stride3))))
          (local.set $l3 (f32x4.add (local.get $l3) (f32x4.mul (local.get $s) (local.get $low))))
          (local.set $h3 (f32x4.add (local.get $h3) (f32x4.mul (local.get $s) (local.get $high))))
          (local.set $a (i32.add (local.get $a) (i32.const 4)))
          (local.set $b (i32.add (local.get $b) (i32.const 32)))
          (br_if $inner_ (i32.lt_u (local.get $b) (local.get $end))))
        (local.set $to
          (i32.add
            (i32.add (local.get $out) (i32.shl (local.get $column) (i32.const 2)))
            (i32.mul (local.get $row) (local.get $next))))
        (v128.store (local.get $to) (local.get $l0))
        (v128.store offset=16 (local.get $to) (local.get $h0))
        (local.set $to (i32.add (local.get $to) (local.get $next)))
        (v128.store (local.get $to) (local.get $l1))
        (v128.store offset=16 (local.get $to) (local.get $h1))
        (local.set $to (i32.add (local.get $to) (local.get $next)))
        (v128.store (local.get $to) (local.get $l2))
        (v128.store offset=16 (local.get $to) (local.get $h2))
        (local.set $to (i32.add (local.get $to) (local.get $next)))
        (v128.store (local.get $to) (local.get $l3))
        (v128.store offset=16 (local.get $to) (local.get $h3))
        (local.set $left (i32.add (local.get $left) (i32.shl (local.get $stride) (i32.const 2))))
        (local.set $row (i32.add (local.get $row) (i32.const 4)))
        (br_if $rows_ (i32.lt_u (local.get $row) (local.get $rows))))
      (local.set $panel (local.get $end))
      (local.set $column (i32.add (local.get $column) (i32.const 8)))
      (br_if $columns_ (i32.lt_u (local.get $column) (local.get $columns))))))
